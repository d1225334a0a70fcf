"""Detection: pictures with boxes, from their files to a detector that draws what it found."""
