"""What all families share: device, precision, batching, weights files, prompt tensors and RLE encoding."""
