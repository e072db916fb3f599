function y = double_of(x)
  y = 2 * x;
end
