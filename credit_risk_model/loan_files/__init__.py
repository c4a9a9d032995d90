"""Files of loans: the forms that are accepted, and how the loans are read in chunks, for training and for scoring."""
