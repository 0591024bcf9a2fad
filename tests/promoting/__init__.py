"""What the world of promotions says, and what is done to it."""
