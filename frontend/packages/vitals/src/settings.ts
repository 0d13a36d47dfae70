/** Settings come from the page; config/thresholds.json holds the same defaults. */

export interface Settings {
  /** Where to send; `/batch` is added to its path when it is not there. */
  endpoint: string;
  /** Share of page views that are measured, 0 to 1. */
  sampleRate: number;
  /** Measure nothing for who asks not to be tracked (DNT, Global Privacy Control). */
  respectDoNotTrack: boolean;
  /** Route template of the page, when the server knows it. */
  page: string | null;
  /** Send when this many measurements wait ... */
  batch: number;
  /** ... or after this time. */
  flushSeconds: number;
  /** Milliseconds; resources over this are reported. */
  slowResource: number;
  /** What was deployed, at most 32 characters. */
  release: string | null;
}

const DEFAULTS: Omit<Settings, 'endpoint'> = {
  sampleRate: 1,
  respectDoNotTrack: true,
  page: null,
  batch: 10,
  flushSeconds: 30,
  slowResource: 500,
  release: null,
};

/** The given settings with defaults for what is missing or of a wrong type. */
export function complete(
  given: Partial<Settings> & Pick<Settings, 'endpoint'>,
): Settings {
  const settings: Record<string, unknown> = { ...DEFAULTS, endpoint: given.endpoint };
  for (const [name, value] of Object.entries(given)) {
    const usual = settings[name];
    if (usual === null ? typeof value === 'string' : typeof value === typeof usual) {
      settings[name] = value;
    }
  }
  return settings as unknown as Settings;
}
