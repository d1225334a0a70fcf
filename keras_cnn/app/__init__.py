"""The studio: a local page in the browser to try, inspect, compare, clean and train networks."""
