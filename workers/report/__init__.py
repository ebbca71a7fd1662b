"""What a replay's output says, for people: sentences, tables and the HTML report."""
