"""More pages for the apps of docs/frameworks.md, each in its framework's own words."""
