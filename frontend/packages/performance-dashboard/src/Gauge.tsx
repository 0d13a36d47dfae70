import { Progress } from 'antd';
import type { FC } from 'react';

import type { Figure } from './metrics.js';
import type { Limits } from './rating.js';
import { COLORS, filling, statusOf, WORDS } from './rating.js';

interface GaugeProps {
  title: string;
  value: Figure | undefined;
  limits: Limits;
  format: (value: number) => string;
  /** Shown in place of a figure. */
  missing: string;
  /** Percent of its own rather than of limits: how full a disk is. */
  isShare?: boolean;
}

/** One figure on a dial that fills as it gets worse, with its rating in words. */
export const Gauge: FC<GaugeProps> = ({
  title,
  value,
  limits,
  format,
  missing,
  isShare = false,
}) => {
  const known = value ?? null;
  const status = known === null ? null : statusOf(known, limits);
  const percent =
    known === null ? 0 : isShare ? Math.min(known, 100) : filling(known, limits);
  return (
    <figure className="sdp-gauge" style={{ margin: 0, textAlign: 'center' }}>
      <Progress
        type={isShare ? 'circle' : 'dashboard'}
        percent={percent}
        strokeColor={status ? COLORS[status] : '#bfbfbf'}
        status="normal"
        format={() => (known === null ? '–' : format(known))}
        aria-label={`${title}: ${known === null ? missing : format(known)}`}
      />
      <figcaption>
        <strong>{title}</strong>
        <br />
        {status ? WORDS[status] : missing}
        <br />
        <small>Target: ≤ {format(limits[0])}</small>
      </figcaption>
    </figure>
  );
};
