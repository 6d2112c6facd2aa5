"""How a conversation becomes one text: chat templates that training, scoring and exports share."""
