/** What this portal measures of itself: Web Vitals, and what its components take. */
import { profilerService } from '@smart-dairy/react-profiler';
import { webVitalsMonitor } from '@smart-dairy/vitals';

export function startMonitoring(): void {
  webVitalsMonitor.start({ release: __RELEASE__ });
  profilerService.configure({ release: __RELEASE__ });
}
