"""From the image of a staff to the network's input strip: staff lines and their curvature."""
