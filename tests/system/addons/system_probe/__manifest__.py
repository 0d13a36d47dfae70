{
    "name": "System Probe",
    "summary": "Lets system tests look into the process that answers.",
    "version": "19.0.1.0.0",
    "author": "Smart Dairy",
    "website": "https://github.com/smart-dairy/smart-dairy-performance",
    "license": "AGPL-3",
    "category": "Hidden",
    "depends": ["web"],
}
