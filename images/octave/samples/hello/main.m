disp("Hello, world!")
