"""samgap: the measurements behind "The SAM2-to-SAM3 Gap in the Segment Anything Model Family"."""

__version__ = "0.1.0"
