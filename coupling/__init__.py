"""Where the scales meet: run cards, stored studies, homogenisation."""
