"""What the executor plugin for SLURM lacks: outages, refused settings, jobs of a killed run, reasons of killed jobs."""
