{
    "name": "Profiler Probe",
    "summary": "Code with known shares of time, for the profiler's system tests",
    "version": "19.0.1.0.0",
    "author": "Smart Dairy",
    "license": "AGPL-3",
    "depends": ["smart_dairy_profiling"],
    "data": ["data/ir_cron_data.xml"],
}
