disp("before")
error("example:wrong", "this went wrong")
