"""Who may come in, and how much of the server one caller may take."""
