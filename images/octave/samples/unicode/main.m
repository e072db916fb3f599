printf("%s\n", "Grüße, 世界 ✓");
