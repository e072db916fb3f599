use utf8;
use open qw(:std :encoding(UTF-8));

my $text = '世界🐎';
print "Grüße, $text ", length($text), "\n";
