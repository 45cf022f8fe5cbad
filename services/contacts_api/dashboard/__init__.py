"""The pages that people see: HTML over the same actions as the REST API, with no rule of their
own.
"""
