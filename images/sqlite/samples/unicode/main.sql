SELECT 'Grüße, 世界, 🐎', length('世界');
