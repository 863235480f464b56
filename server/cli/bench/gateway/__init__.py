"""`dalstroom bench gateway`: what a server costs and stands with thousands of stations, over loopback sockets."""
