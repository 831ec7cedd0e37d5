"""Where a staff of five lines lies in a picture, in stages that crops and whole pages share."""
