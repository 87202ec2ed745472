// What the pages of the Holding Pen do by themselves.
