/** What the profiling addon's pages draw with. */
import flamegraph from 'd3-flame-graph';
import { select } from 'd3-selection';

globalThis.smartDairyFlamegraph = { flamegraph, select };
