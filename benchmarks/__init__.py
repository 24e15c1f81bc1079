"""What Opie costs, measured. `make bench` runs everything and writes results/latest.json; `make bench-NAME` one."""
