"""Who may do what: tokens and tickets, their scopes, and what those pay who show a wrong one."""
