"""Downloads: resumable, checked against checksums, through a cache that several runs can share."""
