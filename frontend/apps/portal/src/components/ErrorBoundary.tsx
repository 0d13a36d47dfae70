import type { ReactNode } from 'react';
import { Component } from 'react';

/** A page that fails leaves the rest of the portal usable. */
export class ErrorBoundary extends Component<
  { children: ReactNode },
  { hasFailed: boolean }
> {
  override state = { hasFailed: false };

  static getDerivedStateFromError() {
    return { hasFailed: true };
  }

  override render() {
    return this.state.hasFailed ? (
      <div className="state" role="alert">
        <h1>This page could not be shown</h1>
        <button type="button" onClick={() => location.reload()}>
          Load it again
        </button>
      </div>
    ) : (
      this.props.children
    );
  }
}
