"""What is made of the scores: a verdict, a sentence to be spoken, and the response that holds them."""
