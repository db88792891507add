"""Stage `statistics`: metrics of all cells with confidence intervals, paired comparisons and confusion matrices."""
