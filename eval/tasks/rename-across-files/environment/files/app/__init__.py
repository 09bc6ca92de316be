from app.users import forget_users, get_user

__all__ = ['forget_users', 'get_user']
