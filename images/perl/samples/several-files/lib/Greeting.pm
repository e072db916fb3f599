package Greeting;

sub greet { chomp(my $name = shift); return "Hello, $name!\n" }

1;
