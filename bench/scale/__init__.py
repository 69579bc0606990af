"""The parts of bench/operator_scale.py: the two operators, who creates, who plays the pods, and what is read off."""
