/** What k6 has of a browser's console. */
declare const console: Record<"log" | "info" | "warn" | "error", (...values: unknown[]) => void>;
