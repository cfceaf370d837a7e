"""A Redis in which several servers share what their encoders made: asked within a time limit, and never in the way."""
