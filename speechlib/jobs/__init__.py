"""Job arrays on one machine or a cluster behind one calling convention."""
