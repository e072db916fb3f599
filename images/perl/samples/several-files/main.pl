use lib 'lib';
use Greeting;

print Greeting::greet(<DATA>);
__DATA__
friend
