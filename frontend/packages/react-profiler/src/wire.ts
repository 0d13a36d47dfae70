/** What is sent; the schema of the intake is the addon's data/web_vitals.schema.json. */

export type Phase = 'mount' | 'update' | 'nested-update';

/** What one component took since the last batch that named it; milliseconds. */
export interface WireComponent {
  componentId: string;
  metrics: {
    phase: Phase;
    actualDuration: number;
    baseDuration: number;
    renderCount: number;
    totalDuration: number;
    avgDuration: number;
    maxDuration: number;
    /** Average, without profiled components inside. */
    ownDuration: number;
    slowRenders: number;
    busiestSecond: number;
  };
}

export interface Batch {
  page: string;
  release: string | null;
  components: WireComponent[];
}

/** The intake takes no more at once. */
export const MOST_COMPONENTS = 50;
const LONGEST_NAME = 80;
const LONGEST_PAGE = 200;
const LONGEST = 3_600_000; // ms; a longer one was a computer asleep

/** Four digits are more than any browser's clock gives. */
export const rounded = (value: number): number =>
  +Math.min(Math.max(value, 0), LONGEST).toFixed(4);

/** A component's name as the intake takes it. */
export function componentName(id: string): string {
  const plain = id.replace(/[^\w$.()<>, /:-]/g, '_').slice(0, LONGEST_NAME);
  return /^[A-Za-z_$]/.test(plain) ? plain : `_${plain.slice(0, LONGEST_NAME - 1)}`;
}

/** A path in which what may be an id is `:id`; names of pages must be few. */
export function pathTemplate(path: string): string {
  return path
    .split('/')
    .map((part) => (/\d|%|^.{33}/.test(part) ? ':id' : part))
    .join('/')
    .slice(0, LONGEST_PAGE);
}
