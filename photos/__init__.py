"""A photo file → an upright RGB picture, the array that a bundle wants, and what is wrong with the photo."""
