console.log('Grüße, 世界, 🐎', [...'世界🐎'].length);
