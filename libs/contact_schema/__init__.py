"""What travels between Kith's services, and nothing else: messages, value types, record ids, golden
samples.
"""
