/** What k6 has of a browser's console. */
declare const console: Record<"log" | "info" | "warn" | "error", (...values: unknown[]) => void>;

/** Of the page that is open: functions given to `page.evaluate` run in it. */
declare const performance: {
    getEntriesByType(type: string): {toJSON(): Record<string, number>}[];
};
