"""`asksight plan`: from measured times of one machine to how many of them, how quick and how dear, on paper."""
