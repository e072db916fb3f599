text='世界🐎'
echo "Grüße, $text" ${#text}
