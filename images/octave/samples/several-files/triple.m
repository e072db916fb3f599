function y = triple(x)
  y = 3 * x;
end
