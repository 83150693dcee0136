"""What is served, described for programs and people: made of the routes and of the models that they use."""
