/** What was deployed; see vite.config.ts. */
declare const __RELEASE__: string;
