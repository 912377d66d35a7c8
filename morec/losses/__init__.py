"""The training losses: one file each, and the table that names them."""
