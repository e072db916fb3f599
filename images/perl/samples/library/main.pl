use strict;
use warnings;
use List::Util qw(sum max first);
use Data::Dumper;
use POSIX qw(floor);
use Time::HiRes qw(sleep);

local $Data::Dumper::Sortkeys = 1;
local $Data::Dumper::Indent   = 0;
my %counts;
$counts{$_}++ for qw(a b a);
print Dumper(\%counts), "\n";
print sum(1 .. 4), ' ', max(3, 9), ' ', first { $_ > 2 } (1 .. 5);
print ' ', floor(2.7), "\n";
(my $text = 'hello world') =~ s/(\w+)/\u$1/g;
print "$text\n", `echo from a child`;
